import { defineConfig, type ViteUserConfig } from "vitest/config";
import { AbsentPeersReporter } from "./test/frame/absent-peers.ts";

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    reporters: ["default", new AbsentPeersReporter()],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});

export default config;
