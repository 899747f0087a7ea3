// SPDX-License-Identifier: Apache-2.0
import { render } from 'preact';
import { App } from './App';
import { startEvents } from './lib/events';
import { loadSession, loadSite, loadTerms, showTheme } from './lib/store';
import './styles/tokens.css';
import './styles/base.css';
import './styles/frame.css';
import './styles/parts.css';
import './styles/print.css';

showTheme();
void loadSite();
void loadTerms();
void loadSession();
startEvents();

const root = document.getElementById('app');
if (root !== null) render(<App />, root);
