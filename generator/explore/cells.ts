/** Names of everything in a state that can change: each is a cell of the layout. */

export function objectName(type: string, instance: number): string {
  return `${type}#${instance}`;
}
export function fieldCell(type: string, instance: number, field: string): string {
  return `${type}#${instance}.${field}`;
}
/** 1 from alloc to free. */
export function aliveCell(type: string, instance: number): string {
  return `alive ${objectName(type, instance)}`;
}
/** 1 + the thread whose sole property the object is. */
export function soleCell(type: string, instance: number): string {
  return `sole ${objectName(type, instance)}`;
}
/** Instances allocated so far. */
export function allocatedCell(type: string): string {
  return `allocated ${type}`;
}
/** 1 if the entry of this cell is linked exclusively. */
export function exclusiveCell(entry: string): string {
  return `exclusive ${entry}`;
}
/** Number of the anchor that the thread is at. */
export function anchorCell(thread: number): string {
  return `anchor ${thread}`;
}
/** Live slots share registers. */
export function registerCell(thread: number, register: number): string {
  return `register ${thread} ${register}`;
}
/** Read sections open. */
export function readersCell(thread: number, domain: string): string {
  return `readers ${thread} ${domain}`;
}
/** Sections of the reader that the thread's grace period waits for. */
export function graceCell(thread: number, domain: string, reader: number): string {
  return `grace ${thread} ${domain} ${reader}`;
}
/** Runs that the thread's flush waits for. */
export function flushCell(thread: number, work: string): string {
  return `flush ${thread} ${work}`;
}
/** 1 from wait-prepare until woken. */
export function waitingCell(thread: number, queue: string): string {
  return `waiting ${thread} ${queue}`;
}
export function seenCell(thread: number): string {
  return `seen ${thread}`;
}
export function dueCell(thread: number): string {
  return `due ${thread}`;
}
export function ensuredCell(thread: number): string {
  return `ensured ${thread}`;
}
/** Not stored: changes when the worker begins or ends a run. */
export function runCell(thread: number): string {
  return `run ${thread}`;
}

/** What the thread's present call has changed there and not put back; 0 if nothing. */
export function leftCell(thread: number, field: string): string {
  return `left ${thread} ${field}`;
}
