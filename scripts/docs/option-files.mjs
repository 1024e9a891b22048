/** The sources that declare public options, in the order of the reference. A path is relative to src. */
export const OPTION_FILES = [
  { path: 'sandbox/options.ts', title: 'Manager' },
  { path: 'backends/options.ts', title: 'Engine' },
  { path: 'backends/docker/options.ts', title: 'Docker engine' },
  { path: 'launch/options.ts', title: 'Sandbox' },
  { path: 'egress/options.ts', title: 'Network' },
  { path: 'command/options.ts', title: 'Commands' },
  { path: 'files/options.ts', title: 'Files' },
  { path: 'ports/options.ts', title: 'Ports' },
  { path: 'pool/pool-options.ts', title: 'Pool' },
  { path: 'commit/options.ts', title: 'Commit' },
  { path: 'executor/options.ts', title: 'Iteration executor' },
  { path: 'executor/task/options.ts', title: 'Tasks' },
  { path: 'verify/test-options.ts', title: 'Tests' },
  { path: 'tools/options.ts', title: 'Tools' },
  { path: 'client/options.ts', title: 'Client' },
  { path: 'server/options.ts', title: 'Server' },
];
