import { ran, say, speak } from './speak.mjs';

speak(request => {
  const answer = ran(request);
  say({ ...answer, history: answer.history.map(moment => (moment.at === 'return' ? { ...moment, result: { errno: 'EBUSY' } } : moment)) });
});
