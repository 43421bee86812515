// How the suites wait for what must come.

/** Ends only what hangs, in milliseconds: nothing is decided by it. */
export const timeoutMs = 60_000;

/** Repeats until the check passes, for as long as a person would wait. */
export async function eventually(check) {
  const end = Date.now() + timeoutMs;
  while (true) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
