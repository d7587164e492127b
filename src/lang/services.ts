// SPDX-License-Identifier: Apache-2.0
/**
 * Names that a port may be written by. The ecosystem asks the machine's /etc/services; a fixed table gives the same rules
 * the same meaning everywhere and lets them be checked without a machine.
 */
export const SERVICE_PORTS: ReadonlyMap<string, number> = new Map([
  ['tcpmux', 1], ['echo', 7], ['discard', 9], ['systat', 11], ['daytime', 13], ['netstat', 15], ['qotd', 17], ['chargen', 19],
  ['ftp-data', 20], ['ftp', 21], ['ssh', 22], ['telnet', 23], ['smtp', 25], ['time', 37], ['whois', 43], ['tacacs', 49],
  ['domain', 53], ['bootps', 67], ['bootpc', 68], ['tftp', 69], ['gopher', 70], ['finger', 79], ['http', 80], ['www', 80],
  ['kerberos', 88], ['acr-nema', 104], ['pop3', 110], ['sunrpc', 111], ['auth', 113], ['nntp', 119], ['ntp', 123],
  ['epmap', 135], ['netbios-ns', 137], ['netbios-dgm', 138], ['netbios-ssn', 139], ['imap2', 143], ['imap', 143],
  ['snmp', 161], ['snmp-trap', 162], ['xdmcp', 177], ['bgp', 179], ['irc', 194], ['ldap', 389], ['svrloc', 427],
  ['https', 443], ['snpp', 444], ['microsoft-ds', 445], ['kpasswd', 464], ['submissions', 465], ['saft', 487],
  ['isakmp', 500], ['rtsp', 554], ['exec', 512], ['login', 513], ['shell', 514], ['syslog', 514], ['printer', 515],
  ['route', 520], ['uucp', 540], ['submission', 587], ['nqs', 607], ['ldaps', 636], ['domain-s', 853], ['rsync', 873],
  ['ftps-data', 989], ['ftps', 990], ['telnets', 992], ['imaps', 993], ['pop3s', 995], ['socks', 1080], ['openvpn', 1194],
  ['ms-sql-s', 1433], ['ms-sql-m', 1434], ['radius', 1812], ['radius-acct', 1813], ['nfs', 2049], ['docker', 2375],
  ['mysql', 3306], ['ms-wbt-server', 3389], ['svn', 3690], ['epmd', 4369], ['sip', 5060], ['sip-tls', 5061],
  ['xmpp-client', 5222], ['xmpp-server', 5269], ['postgresql', 5432], ['amqps', 5671], ['amqp', 5672], ['x11', 6000],
  ['redis', 6379], ['ircd', 6667], ['ircs-u', 6697], ['http-alt', 8080], ['bacula-dir', 9101], ['zabbix-agent', 10050],
  ['zabbix-trapper', 10051], ['git', 9418],
]);
