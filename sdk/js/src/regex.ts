/**
 * Regular expressions that cannot run away: a small subset of RE2, matched in bounded time.
 *
 * A pattern becomes an automaton; every pair of state and place in the text is visited once at most, so time
 * grows with length of text times length of program, both limited. The subset is that of the Python SDK.
 */

/** A state: the condition under which it may be left at a place, how far that goes, and whereto. */
type State = [test: (chars: string[], at: number) => unknown, width: number, outs: number[]];
/** Appends the states of a part that lead to the state `after`; returns the first. */
type Build = (after: number) => number;
/** Characters in pairs, each the ends of a range; and whether they are the ones left out. */
type Chars = [ends: string[], negated?: boolean];

const CLASSES: Record<string, string> = { d: "09", w: "09AZ__az", s: "\t\n\f\r  " };
const CONTROLS = "n\nr\rt\tf\fv\v";
const MAX_STATES = 300;

const code = (char: string): number => char.codePointAt(0)!;

/** Turn a pattern into a search. Throws if the pattern lies outside the subset or its limits. */
export const compilePattern = (pattern: string): ((text: string) => boolean) => {
  const text = [...pattern];
  const states: State[] = [];
  let at = 0;

  const fail = (): never => {
    throw Error("pattern");
  };
  const take = (): string => text[at++] ?? fail();
  const accept = (char: string): boolean => text[at] === char && !!++at;
  const isOneOf = (chars: string, char = text[at]): boolean => !!char && chars.includes(char);
  const add = (...state: State): number => (states.length < MAX_STATES ? states.push(state) - 1 : fail());
  const split = (outs: number[]): number => add(() => 1, 0, outs);

  const choice = (depth: number): Build => {
    if (depth > 20) fail();
    const branches = [sequence(depth)];
    while (accept("|")) branches.push(sequence(depth));
    return branches[1] ? (after) => split(branches.map((build) => build(after))) : branches[0]!;
  };

  const sequence = (depth: number): Build => {
    const parts: Build[] = [];
    while (at < text.length && !isOneOf("|)")) parts.push(repeated(depth));
    return (after) => parts.reduceRight((next, build) => build(next), after);
  };

  const repeated = (depth: number): Build => {
    const char = take();
    if (isOneOf("^$", char)) {
      if (isOneOf("*+?{")) fail();
      return (after) => add(char === "^" ? (_, place) => !place : (chars, place) => place === chars.length, 0, [after]);
    }
    const build = char === "(" ? group(depth) : oneOf(plain(char));
    const [least, most] = bounds();
    if (least < 0) return build;
    accept("?");
    return isOneOf("*+?{") ? fail() : (after) => repeat(build, least, most, after);
  };

  const repeat = (build: Build, least: number, most: number, after: number): number => {
    if (most < 0) {
      const outs: number[] = [];
      const loop = split(outs);
      outs.push(build(loop), after);
      after = loop;
    } else for (let end = after, left = most - least; left-- > 0;) after = split([build(after), end]);
    while (least-- > 0) after = build(after);
    return after;
  };

  /** How often what stands before may occur; [-1] when nothing is said, and a most of -1 is without end. */
  const bounds = (): [number, number] => {
    if (accept("*")) return [0, -1];
    if (accept("+")) return [1, -1];
    if (accept("?")) return [0, 1];
    if (!accept("{")) return [-1, -1];
    const least = count();
    const most = accept(",") ? (text[at] === "}" ? -1 : count()) : least;
    return accept("}") && (most < 0 || most >= least) ? [least, most] : fail();
  };

  const count = (): number => {
    let digits = "";
    while (isOneOf("0123456789")) digits += take();
    return digits && digits.length < 4 && +digits <= 100 ? +digits : fail();
  };

  const group = (depth: number): Build => {
    if (accept("?") && !accept(":")) fail();
    const build = choice(depth + 1);
    return accept(")") ? build : fail();
  };

  const oneOf = ([ends, negated]: Chars): Build => {
    const codes = ends.map(code);
    const has = (char: number) => codes.some((low, i) => !(i & 1) && low <= char && char <= codes[i + 1]!) !== !!negated;
    return (after) => add((chars, place) => place < chars.length && has(code(chars[place]!)), 1, [after]);
  };

  const plain = (char: string): Chars =>
    char === "." ? [["\n", "\n"], true]
      : char === "[" ? bracket()
      : char === "\\" ? escaped()
      : isOneOf("*+?{}]", char) ? fail()
      : [[char, char]];

  const escaped = (): Chars => {
    const char = take();
    const name = char.toLowerCase();
    const control = CONTROLS.indexOf(char);
    return isOneOf("dws", name) ? [[...CLASSES[name]!], char !== name]
      : isOneOf("\\.+*?()|[]{}^$-/", char) ? [[char, char]]
      : control >= 0 && !(control & 1) ? [[CONTROLS[control + 1]!, CONTROLS[control + 1]!]]
      : fail();
  };

  const bracket = (): Chars => {
    const negated = accept("^");
    const ends: string[] = [];
    while (!accept("]")) {
      const low = endpoint();
      if (low.length === 2 && low[0] === low[1] && text[at] === "-" && at + 1 < text.length && text[at + 1] !== "]") {
        at++;
        const high = endpoint();
        if (high.length > 2 || high[0] !== high[1] || code(high[0]!) < code(low[0]!)) fail();
        ends.push(low[0]!, high[0]!);
      } else ends.push(...low);
    }
    return ends[0] ? [ends, negated] : fail();
  };

  const endpoint = (): string[] => {
    const char = take();
    if (char === "[") fail();
    const [ends, negated] = char === "\\" ? escaped() : [[char, char]];
    return negated ? fail() : ends;
  };

  if (text.length > 200) fail();
  split([]); // state 0 is the match
  const first = choice(0)(0);
  if (at < text.length) fail();

  return (subject) => {
    const chars = [...subject];
    const width = chars.length + 1;
    const seen = new Set<number>();
    const waiting: number[] = [];
    if (width < 514) for (let place = 0; place < width; place++) waiting.push(first * width + place);
    for (let now; (now = waiting.pop()) !== undefined;) {
      const place = now % width, number = (now - place) / width;
      if (!number) return true;
      const [test, step, outs] = states[number]!;
      if (!seen.has(now) && test(chars, place)) for (const out of outs) waiting.push(out * width + place + step);
      seen.add(now);
    }
    return false;
  };
};
