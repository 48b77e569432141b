/** The command line. Each verb loads only what it needs, so that one which regenerates nothing starts at once. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { UsageFault } from '../usage-fault.ts';
import { exit } from './exit.ts';
import { packageFolder } from './places.ts';
import { width } from './terminal.ts';

const program = new Command('holdfast')
  .description(
    'Lifetime and locking rules, written once as typed TypeScript: verified, turned into oracles and vectors, and checked against implementations.',
  )
  .version(JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')).version, '--version', 'say which version this is')
  .exitOverride()
  .configureHelp({ helpWidth: width })
  .configureOutput({ getOutHelpWidth: () => width })
  .showHelpAfterError('(--help says what there is)')
  .addHelpText(
    'after',
    `
Exit status:
  0  all conform
  1  a violation, an unexpected pass of a known failure, or drift
  2  wrong use, or nothing was selected
  3  inconclusive
  4  the adapter could not be started or broke the protocol
  70 a fault of holdfast itself`,
  );

function whole(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) < 1 || !Number.isSafeInteger(Number(text)))
    throw new InvalidArgumentError('It is a whole number from 1.');
  return Number(text);
}
function workers(text: string): number | 'auto' {
  if (text === 'auto') return text;
  if (!/^\d{1,2}$/.test(text) || Number(text) < 1 || Number(text) > 64)
    throw new InvalidArgumentError('It is a whole number from 1 to 64, or auto.');
  return Number(text);
}
function natural(text: string): number {
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(Number(text))) throw new InvalidArgumentError('It is a whole number from 0.');
  return Number(text);
}

const specOption = ['--spec <folder>', 'folder with the systems; each is a folder in it'] as const;

program
  .command('verify')
  .argument('[system...]', 'systems to verify; all of them if none is named')
  .description('check the spec, then explore every scenario exhaustively')
  .option('--defects', 'explore the defects instead: each must be found, by the rule it names')
  .option('--variant <name>', 'explore this variant instead of the base')
  .option('--scenario <name...>', 'only these scenarios')
  .option('--rule <name...>', 'show counterexamples of these rules only')
  .option('--max-states <count>', 'give up a scenario after so many states; its verdict is then inconclusive', whole)
  .option('--max-memory <MB>', 'give up a scenario whose states take so much memory; its verdict is then inconclusive', whole)
  .option('--workers <count>', 'threads for a scenario that is large, or auto; all numbers give the same', workers, 'auto')
  .option('--no-reduction', 'look at all states of a large scenario, also those that differ in nothing that a rule can tell')
  .option(
    '--walks <count>',
    'take so many random walks instead of exploring: for what is too large; finding nothing is inconclusive',
    whole,
  )
  .option('--seed <number>', 'seed of the walks; 1 if it is not given', natural)
  .option('--walk-depth <steps>', 'give up a walk after so many steps; 10,000 if it is not given', whole)
  .option('--draw <file>', 'draw the first counterexample shown, as SVG')
  .option('--quiet', 'verdicts only, no counterexamples')
  .option('--trace <file>', 'write the first counterexample as a trace for `holdfast check`; the file must not exist')
  .option('--json', 'one JSON document on standard output')
  .option(...specOption)
  .action(async (systems, options) => exit(await (await import('./verify.ts')).verify(systems, options)));

program
  .command('generate')
  .argument('[system...]', 'systems to generate for; all of them if none is named')
  .description('write oracles, vectors, rule books and schemas from the spec')
  .option('--check', 'write nothing; fail if something on disk differs or is stale')
  .option(...specOption)
  .action(async (systems, options) => exit(await (await import('./generate.ts')).generate(systems, options)));

program
  .command('mutate')
  .argument('[system...]', 'systems to mutate; all of them if none is named')
  .description('make small mistakes in the functions of a system, and say which rules find them and which survive')
  .option('--operation <name...>', 'only mistakes in these functions')
  .option('--max-states <count>', 'leave out scenarios with more states', whole, 10_000)
  .option('--every', 'explore every scenario of every mutant, to know all rules that find it; takes minutes')
  .option('--write', 'with --every: keep what was found, for the rule book')
  .option('--json', 'one JSON document on standard output')
  .option(...specOption)
  .action(async (systems, options) => exit(await (await import('./mutate.ts')).mutateSystems(systems, options)));

program
  .command('export')
  .argument('<system>', 'system to export')
  .description('write scenarios as models for another checker')
  .requiredOption('--to <language>', 'promela, for SPIN')
  .option('--scenario <name>', 'only this scenario; else every one, each in a file of its own')
  .option('--variant <name>', 'export this variant instead of the base')
  .option('--out <file>', 'a file that does not exist yet, or without --scenario a folder; else standard output')
  .option(...specOption)
  .action(async (system, options) => exit(await (await import('./export.ts')).exportSystem(system, options)));

program
  .command('run')
  .argument('[pattern...]', 'vectors to run: a system, or a path with * and **; all of them if none is named')
  .description('drive an implementation with vectors')
  .requiredOption('--adapter <adapter>', 'simulator, linux-kvm, or the command line of a program that speaks the protocol')
  .option('--variant <name>', 'let the simulator run this variant or defect instead of the base')
  .option('--profile <name>', 'profile that the simulator has')
  .option('--observe', 'let the simulator report inside events, and judge them')
  .option('--shard <i/n>', 'only the i-th of n parts')
  .option('--known-failing <file>', 'patterns of vectors that are known to fail, each with its reason')
  .option('--timeout <ms>', 'time for one vector', whole, 10_000)
  .option('--rounds <count>', 'times that a vector whose callers run at once is run', whole, 20)
  .option('--seed <number>', 'seed of all that is random', natural, 1)
  .option('--replay <token>', 'run one vector again: its id, @, and the seed')
  .option(
    '--histories <count>',
    'instead of vectors: calls drawn at random for callers at once, so many times, judged by what the spec explains',
    whole,
  )
  .option('--json', 'one JSON document on standard output')
  .action(async (patterns, options) => exit(await (await import('./run.ts')).run(patterns, options)));

program
  .command('check')
  .argument('<trace...>', 'traces, perhaps compressed with gzip; - is standard input')
  .description('judge traces: of a system by its rules, of none by what holds for every program')
  .option('--format <name>', 'jsonl (events, one a line), binary (known without being named), or ftrace (the text of a kernel trace)')
  .option('--system <name>', 'with --format ftrace: judge by the rules of this system')
  .option('--mapping <file>', 'with --format ftrace: what the probes of the traced kernel tell')
  .option('--predict', 'also look for what other orders of the events could do; on unless the trace is large')
  .option('--no-predict', 'judge only what happened')
  .option('--draw <file>', 'draw the first finding, as SVG')
  .option('--json', 'one JSON document on standard output')
  .option('--history', 'look only at calls and returns, and ask whether the spec of the system explains them')
  .option('--variant <name>', 'with --history: by this variant instead of the base')
  .option(...specOption)
  .action(async (traces, options) => {
    if (options.history) exit(await (await import('./check-history.ts')).checkHistories(traces, options));
    else exit(await (await import('./check.ts')).check(traces, options));
  });

program
  .command('list')
  .argument('<what>', 'systems, scenarios, rules, variants, defects, facts or vectors')
  .description('say what there is')
  .option('--json', 'one JSON document on standard output')
  .option(...specOption)
  .action(async (what, options) => exit(await (await import('./list.ts')).list(what, options)));

program
  .command('explain')
  .argument('<id>', 'a rule, a scenario, a defect, a vector, or a trace')
  .argument('[event]', 'of a trace: only what is found at this event', natural)
  .description('tell a person about it; of a trace, what is found in it, in full')
  .option('--format <name>', 'of a trace: as for check')
  .option('--system <name>', "of a trace in ftrace's format: as for check")
  .option('--mapping <file>', "of a trace in ftrace's format: as for check")
  .option('--predict', 'of a trace: also look for what other orders of the events could do')
  .option('--no-predict', 'of a trace: judge only what happened')
  .option('--draw <file>', 'of a trace: draw the first finding told, as SVG')
  .option(...specOption)
  .action(async (id, event, options) => exit(await (await import('./explain.ts')).explain(id, event ?? null, options)));

// Whoever reads may have read enough (`holdfast list rules | head`); then it ends as other tools do, with what SIGPIPE gives.
process.stdout.on('error', fault => {
  if ('code' in fault && fault.code === 'EPIPE') process.exit(141);
  process.stderr.write(`holdfast: what was found could not be printed: ${fault.message}. Nothing follows from what was printed before.\n`);
  process.exit(2);
});

try {
  await program.parseAsync();
} catch (fault) {
  if (fault instanceof CommanderError) exit(fault.exitCode === 0 ? 0 : 2);
  else if (fault instanceof UsageFault) {
    process.stderr.write(`holdfast: ${fault.message}\n`);
    exit(2);
  } else {
    process.stderr.write(
      `holdfast: this is a fault of holdfast itself, please report it.\n${fault instanceof Error ? fault.stack : String(fault)}\n`,
    );
    exit(70);
  }
}
