/**
 * Variables that limit how many CPUs programs use, because most programs count the machine's CPUs and ignore the cgroup
 * quota.
 */

/** Variables that hold a number of threads, and the programs that read them. */
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

/** libuv's default. Its threads wait for files and DNS rather than compute (docs.libuv.org, threadpool). */
const UV_THREADS = 4;

/**
 * Returns the variables for a number of CPUs. JVMs, .NET, Erlang and V8 read the quota themselves, and every JVM prints
 * `JAVA_TOOL_OPTIONS`, so they are left out.
 */
export function cpuVariables(cpus: number): Record<string, string> {
  const whole = Math.max(1, Math.ceil(cpus));
  const variables: Record<string, string> = { UV_THREADPOOL_SIZE: String(Math.max(UV_THREADS, whole)) };
  for (const name of THREADS) variables[name] = String(whole);
  return variables;
}
