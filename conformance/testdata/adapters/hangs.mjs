import { speak } from './speak.mjs';

// Neither answers nor lets itself be asked to end.
process.on('SIGTERM', () => {});
speak(() => {});
