// SPDX-License-Identifier: Apache-2.0
/** How many times longer than usual a test waits before it fails: an emulated processor, as in `npm run test:kernels`, is that slow. */
export const PATIENCE = Number(process.env.FALCO_TS_PATIENCE ?? 1);
