#!/usr/bin/env -S node --max-semi-space-size=2
// SPDX-License-Identifier: Apache-2.0
/**
 * The program: reads the command line, runs one command, and ends with 0 or 1. (A small young generation: what an event
 * leaves behind dies at once, and 30 MB of memory are not needed to find that out.)
 */
import { runProgram } from './program.js';

// Everything is delivered or counted when it returns; a blocked output must not keep the process.
process.exit(await runProgram(process.argv.slice(2)));
