/** The labels of a sandbox, under the names that the caller gave them. */
import { safeLine } from '../text/safe-text.js';

export function Labels({ of: labels = {}, max }: { of: Record<string, string> | undefined; max: number }) {
  const all = Object.entries(labels);
  if (all.length === 0) return null;
  return (
    <ul class="labels" aria-label="Labels">
      {all.slice(0, max).map(([name, value]) => (
        <li key={name} title={safeLine(`${name}=${value}`)}>
          <bdi>{safeLine(name, 60)}</bdi>
          {value && (
            <>
              {'='}
              <bdi>{safeLine(value, 60)}</bdi>
            </>
          )}
        </li>
      ))}
      {all.length > max && <li>and {all.length - max} more</li>}
    </ul>
  );
}
