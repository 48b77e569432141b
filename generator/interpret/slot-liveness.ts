/** Which slots may still be read, by node: the usual backward analysis. A slot that nobody will read is 0 in a state. */
import { type Action, END, type Node, type Thread, type Value } from '../program.ts';

interface Flow {
  readonly reads: readonly number[];
  /** Nodes that follow, and the slots written on the way there. */
  readonly edges: readonly { readonly to: number; readonly writes: readonly number[] }[];
}

/** For each node, the slots that are live just before it. Nodes of a call with a contract read the call's arguments. */
export function liveSlots(thread: Thread): Set<number>[] {
  const flows = thread.nodes.map(node => flowOf(thread, node));
  const live = thread.nodes.map(() => new Set<number>());
  for (let changed = true; changed; ) {
    changed = false;
    for (let number = flows.length - 1; number >= 0; number--) {
      const before = live[number];
      const flow = flows[number];
      if (!before || !flow) continue;
      const size = before.size;
      for (const slot of flow.reads) before.add(slot);
      for (const { to, writes } of flow.edges) for (const slot of live[to] ?? []) if (!writes.includes(slot)) before.add(slot);
      if (before.size > size) changed = true;
    }
  }
  return live;
}

function flowOf(thread: Thread, node: Node): Flow {
  const { action } = node;
  const call = thread.calls[node.call];
  const inContract = call && (call.contract >= 0 || call.kept === true) ? call.arguments.flatMap(({ value }) => slotsOf(value)) : [];
  const writes = [
    ...('slot' in action ? [action.slot] : []),
    ...(action.kind === 'read' && action.once !== undefined ? [action.once] : []),
    ...(action.kind === 'next-later' || action.kind === 'put-later' ? [action.later] : []),
  ];
  const reads = [...readsOf(action), ...inContract];
  if (action.kind === 'choose') return { reads, edges: action.alternatives.map(to => ({ to, writes: [] })) };
  const next = { to: node.next, writes };
  switch (action.kind) {
    case 'branch':
    case 'put':
    case 'write-lock':
      return { reads, edges: [next, { to: node.otherwise, writes: [] }] };
    // With nothing left to visit, neither slot is written.
    case 'next':
    case 'next-entry':
      return {
        reads,
        edges: [
          { to: node.next, writes },
          { to: node.otherwise, writes: [] },
        ],
      };
    case 'bug':
    case 'call-null':
      return { reads, edges: [] };
    default:
      return { reads, edges: node.next === END ? [] : [next] };
  }
}

function readsOf(action: Action): number[] {
  const values: Value[] = [];
  if ('target' in action) values.push(action.target.object);
  switch (action.kind) {
    case 'set':
    case 'write':
      values.push(action.value);
      break;
    case 'branch':
      values.push(action.when);
      break;
    case 'add':
    case 'remove':
    case 'has':
      values.push(action.member);
      break;
    case 'alloc':
      values.push(...Object.values(action.fields));
      break;
    case 'free':
      values.push(action.object);
      break;
    case 'queue-after-grace':
      values.push(action.domain.object);
      break;
    case 'queue':
      if (action.on) values.push(action.on.object);
      break;
    case 'link':
    case 'unlink':
      values.push(action.entry.object);
      break;
    case 'called':
      values.push(...action.with);
      break;
    case 'return':
      values.push(action.result);
      break;
    case 'assert-sole':
      values.push(action.object);
      break;
    case 'put-later':
    case 'next-later':
      return [action.later, ...values.flatMap(slotsOf)];
    case 'read':
      return [...(action.once === undefined ? [] : [action.once]), ...values.flatMap(slotsOf)];
    case 'next':
    case 'next-entry':
      return [action.visited, ...values.flatMap(slotsOf)];
  }
  return values.flatMap(slotsOf);
}

function slotsOf(value: Value): number[] {
  return value.kind === 'slot' ? [value.slot] : value.kind === 'operator' ? value.of.flatMap(slotsOf) : [];
}
