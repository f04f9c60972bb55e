import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

// `npm run dev` beside a broker: EDGE_URL says where its API is.
const broker = process.env['EDGE_URL'] ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [vue()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // the policy allows no data: but of images
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': { target: broker, ws: true } } },
  test: { environment: 'happy-dom', include: ['test/unit/**/*.test.ts'] },
})
