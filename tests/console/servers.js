// Servers and load for the suite, which are stopped with it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "./resp.js";

const started = new Set();
process.on("exit", () => { for (const child of started) child.kill("SIGKILL"); });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

function start(command, words, options = {}) {
  const child = spawn(command, words, { stdio: ["ignore", "ignore", "inherit"], ...options });
  started.add(child);
  child.once("exit", () => started.delete(child));
  return child;
}

/** Starts Memstore and waits until it serves RESP and the console. */
export async function startMemstore(dll, { port, httpPort, data, password }) {
  const words = [dll, "serve", "--port", port, "--bind", "127.0.0.1", "--http-port", httpPort, "--data", data];
  const child = start("dotnet", words, { env: { ...process.env, ...(password ? { MEMSTORE_REQUIREPASS: password } : {}) } });
  // Ends only what hangs: a busy machine may take many seconds.
  const end = Date.now() + 120_000;
  while (true) {
    if (child.exitCode !== null) throw new Error(`Memstore ended with ${child.exitCode}`);
    let reason;
    try {
      (await connect(Number(port))).close();
      const response = await fetch(`http://127.0.0.1:${httpPort}/health/ready`);
      if (response.ok) return child;
      reason = new Error(`Memstore is not ready: ${await response.text()}`);
    } catch (error) {
      reason = error;
    }
    if (Date.now() > end) throw reason;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Commands without end from two connections; a client that saturates the machine would leave nothing for the browser. */
export const startLoad = (port) => start("redis-benchmark", ["-p", port, "-c", "2", "-r", "20000", "-d", "100", "-t", "set,get,hset", "-n", "20000", "-l", "-q"], { stdio: "ignore" });

/** Ends a child and waits for it. */
export async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await gone;
  clearTimeout(timer);
}
