// SPDX-License-Identifier: Apache-2.0
// What libsinsp makes of the sequences of sequences.mjs: a test case for its own unit test program (see README.md here).
// Each line of the answers is one event: its bytes, the threads that it changed (only what is new of them), and fields.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <json/json.h>
#include <map>
#include <set>

#include "sinsp_with_test_input.h"
#include <libsinsp/thread_manager.h>

class Answers : public sinsp_with_test_input {
protected:
	std::vector<std::pair<std::string, std::unique_ptr<sinsp_filter_check>>> m_fields;
	std::map<int64_t, Json::Value> m_known;

	static std::string text(uint64_t v) { return std::to_string(v); }
	static std::string line(const Json::Value& v) {
		Json::StreamWriterBuilder builder;
		builder["indentation"] = "";
		builder["emitUTF8"] = true;
		return Json::writeString(builder, v);
	}

	template<class List>
	static Json::Value list(const List& items) {
		Json::Value all(Json::arrayValue);
		for(const auto& item : items) {
			all.append(item);
		}
		return all;
	}

	static std::string ip(int family, const void* bytes) {
		char buffer[64];
		return inet_ntop(family, bytes, buffer, sizeof(buffer));
	}

	static Json::Value describe(const sinsp_fdinfo& fd) {
		static const char* const l4[] = {"", "", "tcp", "udp", "icmp", "raw"};
		const auto& socket = fd.m_sockinfo;
		Json::Value v;
		v["type"] = fd.get_typestring();
		v["name"] = fd.m_name;
		v["nameRaw"] = fd.m_name_raw;
		v["openFlags"] = fd.m_openflags;
		v["dev"] = fd.m_dev;
		v["ino"] = text(fd.m_ino);
		v["role"] = fd.is_role_server() ? "server" : fd.is_role_client() ? "client" : "";
		v["connected"] = fd.is_socket_connected();
		v["layer"] = fd.is_overlay_upper() ? "upper" : fd.is_overlay_lower() ? "lower" : "";
		switch(fd.m_type) {
		case SCAP_FD_IPV4_SOCK: {
			const auto& t = socket.m_ipv4info.m_fields;
			v["ends"] = list(std::vector<std::string>{ip(AF_INET, &t.m_sip), text(t.m_sport), ip(AF_INET, &t.m_dip), text(t.m_dport), l4[t.m_l4proto % 6]});
			break;
		}
		case SCAP_FD_IPV6_SOCK: {
			const auto& t = socket.m_ipv6info.m_fields;
			v["ends"] = list(std::vector<std::string>{ip(AF_INET6, t.m_sip.m_b), text(t.m_sport), ip(AF_INET6, t.m_dip.m_b), text(t.m_dport), l4[t.m_l4proto % 6]});
			break;
		}
		case SCAP_FD_IPV4_SERVSOCK: {
			const auto& t = socket.m_ipv4serverinfo;
			v["ends"] = list(std::vector<std::string>{ip(AF_INET, &t.m_ip), text(t.m_port), l4[t.m_l4proto % 6]});
			break;
		}
		case SCAP_FD_UNIX_SOCK:
			v["ends"] = list(std::vector<std::string>{text(socket.m_unixinfo.m_fields.m_source), text(socket.m_unixinfo.m_fields.m_dest)});
			break;
		default:
			break;
		}
		return v;
	}

	static Json::Value describe(sinsp_threadinfo& t) {
		Json::Value v;
		v["pid"] = text(t.m_pid), v["ptid"] = text(t.m_ptid), v["vtid"] = text(t.m_vtid), v["vpid"] = text(t.m_vpid);
		v["sid"] = text(t.m_sid), v["pgid"] = text(t.m_pgid), v["vpgid"] = text(t.m_vpgid);
		v["comm"] = t.m_comm, v["exe"] = t.m_exe, v["exepath"] = t.m_exepath, v["cwd"] = t.get_cwd(), v["root"] = t.m_root;
		v["args"] = list(t.m_args), v["env"] = list(t.get_env());
		v["uid"] = t.m_uid, v["gid"] = t.m_gid, v["loginuid"] = t.m_loginuid, v["tty"] = t.m_tty, v["fdLimit"] = text(t.m_fdlimit);
		v["capabilities"] = list(std::vector<std::string>{text(t.m_cap_inheritable), text(t.m_cap_permitted), text(t.m_cap_effective)});
		v["exeFlags"] = (t.m_exe_writable ? 1 : 0) | (t.m_exe_upper_layer ? 2 : 0) | (t.m_exe_from_memfd ? 4 : 0) | (t.m_exe_lower_layer ? 8 : 0);
		v["inode"] = list(std::vector<std::string>{text(t.m_exe_ino), text(t.m_exe_ino_ctime), text(t.m_exe_ino_mtime), text(t.m_exe_ino_ctime_duration_clone_ts)});
		v["memory"] = list(std::vector<std::string>{text(t.m_vmsize_kb), text(t.m_vmrss_kb), text(t.m_vmswap_kb), text(t.m_pfmajor), text(t.m_pfminor)});
		v["started"] = list(std::vector<std::string>{text(t.m_clone_ts), text(t.m_lastexec_ts), text(t.m_pidns_init_start_ts)});
		v["dead"] = t.is_dead();
		v["threads"] = text(t.get_num_threads());
		const auto* main = t.get_main_thread();
		v["main"] = text(main == nullptr ? -1 : main->m_tid);
		std::vector<std::string> cgroups;
		for(const auto& [subsystem, path] : t.cgroups()) {
			cgroups.push_back(subsystem + "=" + path);
		}
		v["cgroups"] = list(cgroups);
		std::set<int64_t> children;
		for(const auto& child : t.m_children) {
			if(const auto known = child.lock()) {
				children.insert(known->m_tid);
			}
		}
		v["children"] = list(children);
		v["fds"] = Json::Value(Json::objectValue);
		if(auto* table = t.get_fd_table()) {
			table->loop([&](int64_t number, sinsp_fdinfo& fd) {
				v["fds"][std::to_string(number)] = describe(fd);
				return true;
			});
		}
		return v;
	}

	void add_state(Json::Value& answer) {
		std::map<int64_t, Json::Value> now;
		m_inspector.m_thread_manager->get_threads()->loop([&](sinsp_threadinfo& t) {
			now[t.m_tid] = describe(t);
			return true;
		});
		for(const auto& [tid, thread] : now) {
			const auto& before = m_known[tid];
			Json::Value news;
			for(const auto& key : thread.getMemberNames()) {
				if(before.isNull() || before[key] != thread[key]) {
					news[key] = thread[key];
				}
			}
			if(!news.isNull()) {
				answer["threads"][std::to_string(tid)] = news;
			}
		}
		for(const auto& [tid, thread] : m_known) {
			if(!thread.isNull() && now.count(tid) == 0) {
				answer["gone"].append(tid);
			}
		}
		m_known = std::move(now);
	}

	void prepare(const std::string& fields) {
		add_default_init_thread();
		add_simple_thread(100, 100, 1, "bash");
		add_simple_thread(1000, 1000, 100, "worker");
		add_simple_thread(1001, 1000, 100, "worker2");
		m_threads.back().flags = PPM_CL_CLONE_THREAD | PPM_CL_CLONE_FILES;
		open_inspector();
		std::ifstream in(fields);
		for(std::string name; std::getline(in, name);) {
			auto check = m_default_filterlist.new_filter_check_from_fldname(name, &m_inspector, false);
			check->parse_field_name(name, true, false);
			m_fields.emplace_back(name, std::move(check));
		}
	}

	void feed(const std::string& hex, std::ostream& out) {
		const size_t size = hex.size() / 2;
		auto* bytes = static_cast<uint8_t*>(malloc(size));
		for(size_t i = 0; i < size; i++) {
			bytes[i] = static_cast<uint8_t>(std::stoi(hex.substr(2 * i, 2), nullptr, 16));
		}
		const uint64_t offset = m_events.size() - m_test_data.event_count;
		m_events.push_back(reinterpret_cast<scap_evt*>(bytes));
		m_test_data.events = m_events.data() + offset;
		m_test_data.event_count = m_events.size() - offset;
		sinsp_evt* event = nullptr;
		const int32_t result = m_inspector.next(&event);
		Json::Value answer;
		answer["event"] = hex;
		if(result == SCAP_SUCCESS) {
			for(const auto& [name, check] : m_fields) {
				const auto value = check->tojson(event);
				if(!value.isNull()) {
					answer["fields"][name] = value;
				}
			}
		}
		add_state(answer);
		out << line(answer) << "\n";
	}
};

// ANSWERS_IN: the file of one sequence; ANSWERS_FIELDS: a file of field names; ANSWERS_OUT: the file to add to.
TEST_F(Answers, to_sequences) {
	const char* sequence = getenv("ANSWERS_IN");
	if(sequence == nullptr) {
		GTEST_SKIP();
	}
	std::ifstream in(sequence);
	std::ofstream out(getenv("ANSWERS_OUT"), std::ios::app);
	prepare(getenv("ANSWERS_FIELDS"));
	Json::Value start;
	start["sequence"] = std::filesystem::path(sequence).stem().string();
	start["boot"] = text(m_inspector.get_machine_info()->boot_ts_epoch);
	add_state(start);
	out << line(start) << "\n";
	for(std::string hex; std::getline(in, hex);) {
		feed(hex, out);
	}
}
