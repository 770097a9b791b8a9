/** Made by `npm run docs` from the files of this directory: edit those. */
import type { CommandTable } from '../cli/command-table.js';

export const commandTable: CommandTable = {
  version: {
    summary: 'Print the version',
    aliases: [],
    load: () => import('./version.js'),
  },
};
