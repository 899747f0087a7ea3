// SPDX-License-Identifier: Apache-2.0
// Packages that scripts use and that come without types.
declare module 'd3-geo';
declare module 'topojson-client';
