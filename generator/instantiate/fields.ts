/** Reads of fields. */
import type { FieldOf, FieldType, Place } from '../model.ts';
import { targetOf } from './expressions.ts';
import { fold } from './fold.ts';
import { type Building, constant, emit, type Frame, inSlot, setSlot, slot, type Typed, zero } from './graph.ts';

export function fieldTypeOf(here: Building, field: FieldOf): FieldType | undefined {
  return here.shared.system.objects[field.type]?.fields.find(one => one.name === field.field)?.type;
}

export function readField(here: Building, field: FieldOf, at: Place, text: string, frame: Frame): Typed {
  const target = targetOf(here, field, frame);
  const declared = here.shared.system.objects[field.type]?.fields.find(one => one.name === field.field);
  if (declared === undefined) throw new Error(`${field.type} has no field ${field.field}`);
  const type = declared.type;
  const into = slot(here, field.field, type.kind === 'pointer' ? type.to : null, {
    word: type.kind === 'word',
    max: type.kind === 'number' ? type.max : type.kind === 'refcount' ? 7 : type.kind === 'boolean' ? 1 : 0,
    owner: type.kind === 'flag',
  });
  if (declared.constant && type.kind !== 'refcount') {
    emit(here, { kind: 'read-constant', target, slot: into }, at, text);
    // The object is still touched, but what is read there is known: fewer things to remember.
    const known = target.object.kind === 'constant' ? here.shared.known(field.type, target.object.value, field.field) : undefined;
    return known === undefined ? inSlot(here, into) : { ...inSlot(here, into), value: { kind: 'constant', value: known } };
  }
  if (type.kind === 'flag') {
    emit(here, { kind: 'read', target, slot: into }, at, text);
    here.flagsRead.add(`${field.type}.${field.field}`);
    // Whose it is, is not seen.
    const isTaken = fold('&&', [{ kind: 'slot', slot: into }, constant(here, 'taken').value]);
    const seen = slot(here, field.field, null, { word: true });
    setSlot(here, seen, { value: fold('||', [isTaken, constant(here, 'free').value]), type: null, word: true }, at);
    return inSlot(here, seen);
  }
  const before = here.once.get(`${field.type}.${field.field}`);
  emit(here, { kind: 'read', target, slot: into, ...(before === undefined ? {} : { once: before }) }, at, text);
  return inSlot(here, into);
}

/** The outermost call of a thread begins: it has read nothing yet. */
export function readNothingYet(here: Building, at: Place): void {
  for (const rule of here.shared.system.rules) {
    if (rule.kind !== 'read-once') continue;
    const before = slot(here, `${rule.type}.${rule.field} read`, null, { mask: rule.type });
    here.once.set(`${rule.type}.${rule.field}`, before);
    setSlot(here, before, zero, at);
  }
}
