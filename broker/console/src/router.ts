import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'

import { findSession, safePath, session } from './api/session'

const routes: RouteRecordRaw[] = [
  { path: '/signin', name: 'signin', component: () => import('./screens/SignIn.vue'), meta: { open: true } },
  { path: '/', name: 'overview', component: () => import('./screens/OverviewScreen.vue') },
  { path: '/new', name: 'new', component: () => import('./screens/NewProbe.vue') },
  { path: '/runs', name: 'runs', component: () => import('./screens/RunsScreen.vue') },
  { path: '/jobs', name: 'jobs', component: () => import('./screens/JobsScreen.vue') },
  { path: '/jobs/:id', name: 'job', component: () => import('./screens/JobScreen.vue') },
  { path: '/runs/:id', name: 'run', component: () => import('./screens/RunScreen.vue') },
  { path: '/r/:id', name: 'result', component: () => import('./screens/ResultScreen.vue') },
  { path: '/nodes', name: 'nodes', component: () => import('./screens/NodesScreen.vue') },
  { path: '/nodes/:node', name: 'node', component: () => import('./screens/NodeScreen.vue') },
  { path: '/lines', name: 'lines', component: () => import('./screens/LinesScreen.vue') },
  { path: '/webhooks', name: 'webhooks', component: () => import('./screens/WebhooksScreen.vue') },
  { path: '/webhooks/new', name: 'webhook-new', component: () => import('./screens/NewWebhook.vue') },
  { path: '/webhooks/:id', name: 'webhook', component: () => import('./screens/WebhookScreen.vue') },
  { path: '/:rest(.*)*', name: 'nothing', component: () => import('./screens/NotFound.vue') },
]

export const router = createRouter({
  history: createWebHistory(),
  routes,
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
})

router.beforeEach(async (to) => {
  if (session.value === undefined) await findSession()
  if (to.meta['open']) return session.value ? safePath(to.query['next']) : true
  return session.value ? true : { name: 'signin', query: to.fullPath === '/' ? {} : { next: to.fullPath } }
})
