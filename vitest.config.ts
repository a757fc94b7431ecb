import { availableParallelism } from "node:os";
import { defineConfig, type ViteUserConfig } from "vitest/config";
import { AbsentPeersReporter } from "./test/frame/absent-peers.ts";

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    reporters: ["default", new AbsentPeersReporter()],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Many tests wait for peers more than they compute: two at once, also where there are two processors and one would be the default.
    maxWorkers: Math.max(2, availableParallelism() - 1),
  },
});

export default config;
