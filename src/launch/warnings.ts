/** Warnings for the caller that asked for a sandbox, about the sandbox that was made. They are not errors. */
import type { ResolvedImage } from '../backends/backend.js';

export interface SandboxWarning {
  /** Stable, for programs. */
  code: 'volumes-hidden' | 'runs-as-root' | 'sockets-unlimited';
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

/** In bind mode of a directory that is root's, where the caller is root and chose no user. */
export function rootWarning(directory: string): SandboxWarning {
  return {
    code: 'runs-as-root',
    message: `Commands run as uid 0, because ${directory} belongs to root and so does this process. Give \`user\` for another.`,
  };
}
