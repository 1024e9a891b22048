/** Variables that limit how many CPUs programs use: most programs count the machine's CPUs and do not see the quota. */

/** Variables that hold a number of threads, and who reads them. */
const THREADS = [
  'OMP_NUM_THREADS', // OpenMP, so GCC's and LLVM's programs, PyTorch, ImageMagick
  'OPENBLAS_NUM_THREADS', // NumPy of Debian and of PyPI
  'MKL_NUM_THREADS', // NumPy of Anaconda, PyTorch
  'BLIS_NUM_THREADS',
  'NUMEXPR_NUM_THREADS', // pandas.eval
  'NUMBA_NUM_THREADS',
  'OPENCV_FOR_THREADS_NUM',
  'POLARS_MAX_THREADS',
  'RAYON_NUM_THREADS', // Rust's, so tokenizers, ruff, swc
  'TOKIO_WORKER_THREADS',
  'VIPS_CONCURRENCY', // sharp
  'GOMAXPROCS', // Go before 1.25 counts the machine's CPUs
] as const;

/** libuv's own default: its threads wait for files and names rather than compute (docs.libuv.org, threadpool). */
const UV_THREADS = 4;

/** JVMs, .NET, Erlang and Node's V8 read the quota themselves, and `JAVA_TOOL_OPTIONS` is printed by every JVM. */
export function cpuVariables(cpus: number): Record<string, string> {
  const whole = Math.max(1, Math.ceil(cpus));
  const variables: Record<string, string> = { UV_THREADPOOL_SIZE: String(Math.max(UV_THREADS, whole)) };
  for (const name of THREADS) variables[name] = String(whole);
  return variables;
}
