import { render } from 'preact';
import { start } from './state/store.js';
import './styles/base.css';
import './styles/parts.css';
import './styles/views.css';
import { App } from './views/app.js';

start();
render(<App />, document.getElementById('app')!);
