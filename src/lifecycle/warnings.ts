/** What whoever asked for a sandbox should know about the one made, although it is no error. */
import type { ResolvedImage } from '../backends/backend.js';

export interface SandboxWarning {
  /** Stable, for programs. */
  code: 'volumes-hidden';
  /** One sentence for people. */
  message: string;
}

export function volumeWarnings({ reference, volumes }: ResolvedImage): SandboxWarning[] {
  if (volumes.length === 0) return [];
  const paths = volumes.join(', ');
  return [
    {
      code: 'volumes-hidden',
      message: `The image ${reference} declares volumes: ${paths}. Each is an empty tmpfs in a sandbox, so the image's own files there are hidden.`,
    },
  ];
}
