import type { Settings } from './settings.ts';

/**
 * Whether a test planted this bug. A campaign that plants `M01` and finds nothing wrong shows that its checkers are blind.
 * In production `settings.mutants` is empty and every planted branch is dead.
 */
export function isPlanted(settings: Settings, mutant: string): boolean {
  return settings.mutants.size > 0 && settings.mutants.has(mutant);
}
