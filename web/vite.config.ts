import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const PAGES = ["index", "portal", "guest", "meeting", "cases", "inbox", "notices", "bookings", "channel", "unit"];

// The pages live in app/; web/dist is what the front serves. The demo under dev/ is never built.
export default defineConfig({
  root: here("app"),
  base: "/",
  server: { fs: { allow: [here(".")] } },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: here("dist"),
    emptyOutDir: true,
    target: "es2022",
    // The front's content security policy allows no data: scripts or fonts; every asset is a file.
    assetsInlineLimit: 0,
    rolldownOptions: { input: PAGES.map((page) => here(`app/${page}.html`)) },
  },
  test: {
    root: here("."),
    include: ["**/*.test.ts", "**/*.test.tsx"],
    exclude: ["node_modules/**", "dist/**"],
    // Half of the files drive a real browser, which waits for its own processes: two at once, also on two cores.
    maxWorkers: 2,
    globalSetup: "tests/site.ts",
    // A bound for what never comes; what a test waits for has a shorter one (`PATIENCE_MS`), which says what it was.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 90_000 } },
  },
});
