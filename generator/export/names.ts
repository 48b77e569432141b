/** Names of the spec as identifiers that Promela, and the C that SPIN writes, can take. */

/** Words of Promela, of C, and of the code that SPIN puts around a model. */
const taken = new Set(
  `active always assert atomic bit bool break byte chan D_proctype d_step do else empty enabled equivalent eval eventually false fi for full
  get_priority goto hidden if implies in init inline int len local ltl mtype nempty never next nfull not notrace np_ od of pc_value pid
  printf printm priority proctype provided release return run select set_priority short show skip stronguntil timeout trace true typedef
  unless unsigned until weakuntil xr xs c_code c_decl c_expr c_state c_track auto case char const continue default double enum extern float
  long register restrict signed sizeof static struct switch union void volatile while now this tt main exit free malloc errno stdin
  stdout stderr NULL EOF signal time min max P0 P1 P2 Trans State Pptr Qptr has only must broken dead`.split(/\s+/),
);

export function identifier(text: string): string {
  const plain = text.replace(/[^A-Za-z0-9]+/g, '_').replace(/^_+|_+$/g, '');
  return /^[A-Za-z]/.test(plain) ? plain : plain === '' ? 'value' : `value_${plain}`;
}

/** Gives each thing a name of its own: the one that is wanted, or with a number. The same key gets the same name. */
export function namer(): (key: string, wanted: string) => string {
  const names = new Map<string, string>();
  const used = new Set<string>(taken);
  return (key, wanted) => {
    const known = names.get(key);
    if (known !== undefined) return known;
    const first = identifier(wanted);
    let name = first;
    for (let count = 2; used.has(name); count++) name = `${first}_${count}`;
    used.add(name);
    names.set(key, name);
    return name;
  };
}

/** What may stand in a comment. */
export function commented(text: string): string {
  return `/* ${text.replace(/\s+/g, ' ').replaceAll('*/', '* /').replaceAll('/*', '/ *').trim()} */`;
}
