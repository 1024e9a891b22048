/** Warnings about a new sandbox, for the caller that created it. They are not errors. */
import type { ResolvedImage } from '../backends/backend.js';

export interface SandboxWarning {
  /** Stable code, for programs. */
  code: 'volumes-hidden' | 'runs-as-root' | 'sockets-unlimited';
  /** One sentence, for humans. */
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

/** Returns the warning for bind mode if the directory belongs to root, the caller is root, and no user was chosen. */
export function rootWarning(directory: string): SandboxWarning {
  return {
    code: 'runs-as-root',
    message: `Commands run as uid 0, because ${directory} belongs to root and so does this process. Give \`user\` for another.`,
  };
}
