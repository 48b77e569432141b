/**
 * The fast engine and the reference engine take turns. The fast one goes on until it declines an event; the reference then has the state as it
 * is, judges that event and some more, and gives the state back. How long it keeps it depends on how much there is to hand over.
 */
import type { OracleDefinition } from '../definition.ts';
import type { Oracle } from '../oracle.ts';
import { identity } from '../thing.ts';
import type { Finding } from '../verdict.ts';
import { createEngine, type Engine } from './engine.ts';
import { fromWorld } from './from-world.ts';
import { toWorld } from './to-world.ts';

export interface Turns {
  readonly engine: Engine | null;
  /** It is the fast engine's turn. */
  readonly isFast: () => boolean;
  /** The fast engine declined: the world is as it was before the event. */
  readonly decline: () => void;
  /** A rule about states is broken after an event that the fast engine took. */
  readonly broken: (thread: number, seq: number) => readonly Finding[];
  /** The reference has judged an event. True: it is the fast engine's turn again. */
  readonly judged: () => boolean;
  /** Events that the fast engine judged. */
  readonly events: () => number;
}

/** Events that the reference judges at least, and for each live object, before it gives the state back. */
const least = 8;
const forEach = 2;
const longest = 1 << 20;

/** `longer`: multiplies how long a turn of the reference is; 0 in tests, to change as often as can be. */
export function createTurns(definition: OracleDefinition, oracle: Oracle, longer = 1): Turns {
  const engine = createEngine(definition, oracle.inside);
  const { judge, settle } = oracle.inside;
  let fast = false;
  let left = 0;
  let patience = 1;

  function decline(): void {
    if (engine === null || !fast) return;
    fast = false;
    toWorld(engine, oracle);
    let live = 0;
    for (const ofType of oracle.world.objects.values()) live += ofType.size;
    left = longer * (least + forEach * live);
  }
  function broken(thread: number, seq: number): readonly Finding[] {
    if (engine === null) return [];
    const { due, instant, threads, tables } = engine.core;
    const own = [...engine.core.own];
    const objects = own.map((object, at) => (at % 2 === 0 ? '' : engine.nameOf(object)));
    const name = threads.names[thread];
    decline();
    for (const [at, { state }] of tables.states.entries()) {
      if ((due & (1 << at)) !== 0) judge.stateRules.again(state.id, null);
      for (let one = 0; one < own.length; one += 2) {
        const object = oracle.world.live(objects[one + 1])?.[identity];
        if ((own[one] & (1 << at)) !== 0 && object !== undefined) judge.stateRules.again(state.id, object);
      }
    }
    judge.begin(seq, oracle.world.thread(name), []);
    return settle(instant);
  }
  function judged(): boolean {
    if (engine === null || fast) return fast;
    if (left-- > 0) return false;
    fast = fromWorld(engine, oracle);
    patience = fast ? 1 : Math.min(longest, patience * 2);
    left = longer * patience * least;
    return fast;
  }
  return { engine, isFast: () => fast, decline, broken, judged, events: () => engine?.core.events ?? 0 };
}
