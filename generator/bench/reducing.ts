/** How many fewer states a reduced search stores, of three irqfds that are all closed from both sides. */
import { explore } from '../explore/explore.ts';
import { emitReduced } from '../explore/reduce.ts';
import { withSearching } from '../explore/search-module.ts';
import { instantiate } from '../instantiate/instantiate.ts';
import { quiescenceFindings } from '../interpret/quiescence.ts';
import { loadSystem } from '../read/load-system.ts';
import { system, withManyIrqfds } from './many-irqfds.ts';
import { BYTES, type Measure } from './row.ts';

const FEWER = 30;

/** `large`: all states are counted, else as many as show that the goal is met. */
export const reducing =
  (large: boolean): Measure =>
  say =>
    withManyIrqfds(async folder => {
      const loaded = await loadSystem(folder, system, folder);
      const program = loaded.system === null ? null : instantiate(loaded.system, null, 'benchThree').program;
      if (program === null) throw new Error('benchThree cannot be run');
      const quiescence = (state: Parameters<typeof quiescenceFindings>[1]) => quiescenceFindings(program, state);
      const began = performance.now();
      const source = withSearching(emitReduced(program));
      const prepared = (performance.now() - began) / 1000;
      const reduced = explore(program, { source, quiescence });
      if (!reduced.complete || reduced.witnesses.length > 0) throw new Error('benchThree, which holds, does not hold reduced');
      const enough = Math.ceil(reduced.states * FEWER * 1.2);
      const whole = explore(program, { quiescence, ...(large ? {} : { maxStates: enough }) });
      const alone = [
        ['symmetry', { order: false }],
        ['order', { symmetry: false }],
      ] as const;
      if (large)
        for (const [name, options] of alone) {
          const one = explore(program, { source: emitReduced(program, options), quiescence });
          say(`by ${name} alone ${one.states.toLocaleString('en')} states`);
        }
      // Where the room ended, the last depth is not counted, and there are more than were stored.
      const ratio = whole.states / reduced.states;
      return [
        {
          what: 'reductions, three irqfds closed from both sides',
          ours: `${reduced.states.toLocaleString('en')} states in ${reduced.seconds.toFixed(2)} s, made ready in ${prepared.toFixed(2)} s`,
          peer: `${whole.complete ? '' : 'over '}${whole.states.toLocaleString('en')} in ${whole.seconds.toFixed(2)} s`,
          ratio,
          goal: `${FEWER} times fewer`,
          met: ratio >= FEWER,
        },
        {
          what: `memory of a state, three irqfds reduced, of ${reduced.states.toLocaleString('en')}`,
          ours: `${reduced.bytesPerState.toFixed(1)} B`,
          peer: null,
          ratio: null,
          goal: `at most ${BYTES} B`,
          met: reduced.bytesPerState <= BYTES,
        },
      ];
    });
