import { spawn } from 'node:child_process';
import { say, speak } from './speak.mjs';

// Says the number of a process that would outlive it, where a result belongs.
speak(request => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  say({ type: 'refused', id: request.id, reason: String(child.pid) });
});
