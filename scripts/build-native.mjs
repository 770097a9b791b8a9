#!/usr/bin/env node
// `npm run build:native`: compiles the native programs, whatever is installed. Arguments are make's.
import process from 'node:process';
import { compileNative, placeEntry } from './native.mjs';

compileNative(process.argv.slice(2));
placeEntry();
