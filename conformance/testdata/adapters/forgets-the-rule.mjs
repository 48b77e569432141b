import { ran, say, speak } from './speak.mjs';

// The defect: a second assign succeeds.
speak(request => {
  const answer = ran(request);
  say({ ...answer, history: answer.history.map(moment => (moment.at === 'return' ? { ...moment, result: 0 } : moment)) });
});
