/** Which objects a scenario says may remain. */
import type { Expression } from '../model.ts';
import type { Frame } from './frame.ts';
import { globalInstance } from './globals.ts';
import { NotRunnable } from './not-runnable.ts';
import type { Setup } from './setup.ts';

/** Objects that an expression names when the first thread begins: a local, a declared object, what a field of one leads to. */
export function staysOf(frame: Frame, what: Expression, setup: Setup): string[] {
  const found = instancesIn(frame, what, setup);
  if (found !== null && found.instances.length > 0) return found.instances.map(instance => `${found.type}#${instance}`);
  throw new NotRunnable({
    at: 'at' in what ? what.at : frame.scenario.at,
    name: 'stays-without-object',
    what: `${frame.scenario.name} names something in stays that is no object when the first thread begins.`,
    wayOut: 'Name locals that hold objects, or fields of theirs: `stays(vm, device.set)`.',
  });
}

function instancesIn(
  frame: Frame,
  what: Expression,
  setup: Setup,
): { readonly type: string; readonly instances: readonly number[] } | null {
  switch (what.kind) {
    case 'global':
      return { type: what.type, instances: [globalInstance(frame.system.globals, what.name)] };
    case 'local': {
      const typed = setup.environment.get(what.name);
      if (typed?.type == null || typed.value.kind !== 'constant') return null;
      return { type: typed.type, instances: typed.value.value === 0 ? [] : [typed.value.value] };
    }
    case 'read': {
      const owner = instancesIn(frame, what.field.of, setup);
      const type = frame.system.objects[what.field.type]?.fields.find(({ name }) => name === what.field.field)?.type;
      if (owner === null || type?.kind !== 'pointer') return null;
      const values = owner.instances.map(one => setup.state.cells[`${owner.type}#${one}.${what.field.field}`] ?? 0);
      return { type: type.to, instances: values.filter(value => value !== 0) };
    }
    default:
      return null;
  }
}
