/** Prerequisites: an experiment takes part only where another one gave one of named variants. */

const MAX_CHAIN = 10;

/** Another experiment, and the variants of it that a unit must be in. */
export interface Prerequisite {
  readonly experiment: string;
  readonly variants: readonly string[];
}

/** Say whether prerequisites go round, or on for more than 10 steps. */
export const findChainFault = (needs: Map<string, readonly Prerequisite[]>): boolean => {
  let left = [...needs.keys()];
  for (let step = 0; step <= MAX_CHAIN && left[0] !== undefined; step++) {
    const open = new Set(left);
    left = left.filter((key) => needs.get(key)!.some(({ experiment }) => open.has(experiment)));
  }
  return left.length > 0;
};
