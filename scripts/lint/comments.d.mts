/** Returns the rule that a text breaks; undefined if it reads well. */
export function proseProblem(text: string): string | undefined;
