/** Once for all test files: builds the pages and the demo, and serves them on a free port. */
import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build, preview } from "vite";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    /** Where the pages are. */
    origin: string;
  }
}

const PAGES = ["index", "portal", "guest", "meeting", "cases", "inbox", "notices", "bookings", "channel", "unit"];
const WEB = fileURLToPath(new URL("..", import.meta.url));

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  // A directory of this run alone: another run may be under way.
  const outDir = `${WEB}node_modules/.test-pages/${process.pid}`;
  const input = [...PAGES.map((page) => `app/${page}.html`), "dev/demo.html"].map((page) => `${WEB}${page}`);
  await build({
    configFile: false,
    root: WEB,
    publicDir: `${WEB}app/public`,
    logLevel: "error",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: { outDir, emptyOutDir: true, target: "esnext", minify: false, assetsInlineLimit: 0, rolldownOptions: { input } },
  });
  const server = await preview({ configFile: false, root: WEB, logLevel: "error", build: { outDir }, preview: { host: "127.0.0.1", port: 0 } });
  const address = server.httpServer.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  project.provide("origin", `http://127.0.0.1:${address.port}`);
  return async () => {
    await new Promise((resolve) => server.httpServer.close(resolve));
    await rm(outDir, { recursive: true, force: true });
  };
}
