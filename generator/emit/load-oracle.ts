/** The oracle of a system without a file: what would be written is compiled and run in this process. For variants, mutants and tests. */
import { ts } from 'ts-morph';
import * as condition from '../../oracles/condition.ts';
import type { OracleDefinition } from '../../oracles/definition.ts';
import * as fast from '../../oracles/fast/conditions.ts';
import * as thing from '../../oracles/thing.ts';
import type { System } from '../model.ts';
import { emitOracle } from './emit-oracle.ts';

export function loadOracle(system: System): OracleDefinition {
  const { outputText } = ts.transpileModule(emitOracle(system), {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const exported: Record<string, unknown> = {};
  const imported = (name: string): unknown => {
    if (name === './condition.ts') return condition;
    if (name === './thing.ts') return thing;
    if (name === './fast/conditions.ts') return fast;
    throw new Error(`The oracle of ${system.name} imports ${name}.`);
  };
  new Function('exports', 'require', outputText)(exported, imported);
  const definition = Object.values(exported).find(isDefinition);
  if (definition === undefined) throw new Error(`The oracle of ${system.name} exports no definition.`);
  return definition;
}

const isDefinition = (value: unknown): value is OracleDefinition =>
  typeof value === 'object' && value !== null && 'system' in value && 'rules' in value;
