/** Whether this machine reaches the registry Debian's image comes from. */

const REGISTRY = 'https://registry-1.docker.io/v2/';
const TIMEOUT_MS = 4000;

/** Any answer counts, also "log in first". Behind a proxy only the engine can tell, so it is taken to answer. */
export async function registryAnswers() {
  if (process.env.https_proxy || process.env.HTTPS_PROXY) return true;
  try {
    const response = await fetch(REGISTRY, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}
