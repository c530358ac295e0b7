import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** Where `npm run dev` finds a server: the real one, or `npm run mock`. */
const server = process.env.INFERSCOPE_URL ?? "http://127.0.0.1:5080";

export default defineConfig({
  plugins: [react()],
  build: {
    target: ["chrome123", "firefox128", "safari17.5"],
    cssTarget: ["chrome123", "firefox128", "safari17.5"],
    // Assets are files, never data: URLs, so that a strict content security policy can hold.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/scope": server, "/api": server, "/v2": server } },
  test: { environment: "node", include: ["src/**/*.test.{ts,tsx}"] },
});
