// SPDX-License-Identifier: Apache-2.0
// The pages and their addresses; each is loaded when it is first opened. The site answers all of these
// with index.html (src/centre/web.c has the list of their first parts).
import { lazy } from 'preact-iso';

export const routes = [
  { path: '/', page: lazy(() => import('./pages/Home')) },
  { path: '/releases', page: lazy(() => import('./pages/Releases')) },
  { path: '/release/:artifact', page: lazy(() => import('./pages/Release')) },
  { path: '/verify', page: lazy(() => import('./pages/Verify')) },
  { path: '/log', page: lazy(() => import('./pages/Log')) },
  { path: '/log/:index', page: lazy(() => import('./pages/Entry')) },
  { path: '/health', page: lazy(() => import('./pages/Health')) },
  { path: '/about', page: lazy(() => import('./pages/About')) },
  { path: '/sources', page: lazy(() => import('./pages/Sources')) },
  { path: '/source/:source/:path*', page: lazy(() => import('./pages/Source')) },
  { path: '/coverage/:source', page: lazy(() => import('./pages/Coverage')) },
  { path: '/compare/:from/:to/:path*', page: lazy(() => import('./pages/Compare')) },
  { path: '/search', page: lazy(() => import('./pages/Search')) },
  { path: '/me', page: lazy(() => import('./pages/Me')) },
  { path: '/join', page: lazy(() => import('./pages/Join')) },
  { path: '/data', page: lazy(() => import('./pages/Data')) },
  { path: '/requests', page: lazy(() => import('./pages/Requests')) },
  { path: '/request/:request', page: lazy(() => import('./pages/Request')) },
  { path: '/relocations', page: lazy(() => import('./pages/Relocations')) },
  { path: '/accesses', page: lazy(() => import('./pages/Accesses')) },
];
