/**
 * Python libraries that decide, or help to decide, the result of a test: assertions, matchers, doubles, runners,
 * comparison of numbers and tables. Taken from the code under test, they could accept anything. The names are import
 * names. Names that a program under test may well have itself are left out.
 */
export const PYTHON_TEST_LIBRARIES = [
  // Runners
  'pytest', '_pytest', 'py', 'pluggy', 'iniconfig', 'unittest2', 'nose', 'nose2', 'testtools',
  'ward', 'behave', 'lettuce', 'xdoctest', 'sybil', 'stestr', 'subunit', 'testscenarios',
  // Assertions and matchers
  'hamcrest', 'assertpy', 'expects', 'sure', 'should_dsl', 'grappa', 'nimoy', 'robber', 'assertions',
  'dirty_equals', 'delayed_assert', 'softest', 'pytest_check', 'assertive', 'truth', 'busypie',
  'deepdiff', 'jsondiff', 'dictdiffer', 'datadiff', 'testfixtures', 'inline_snapshot', 'snapshottest', 'syrupy', 'approvaltests',
  'jsonschema', 'voluptuous', 'cerberus', 'preggy', 'asserts', 'pychoir',
  // Inputs
  'hypothesis', 'schemathesis', 'parameterized', 'ddt', 'genty', 'faker', 'mimesis', 'polyfactory', 'model_bakery',
  'allpairspy', 'mutmut', 'atheris',
  // Doubles, time and the network
  'mock', 'asynctest', 'aiounittest', 'doublex', 'flexmock', 'mockito', 'mox', 'fudge', 'dingus', 'mocktail', 'freezegun',
  'time_machine', 'responses', 'requests_mock', 'httpretty', 'respx', 'vcr', 'betamax', 'aioresponses', 'pyfakefs',
  // Plugins of pytest that tests import
  'pytest_asyncio', 'pytest_mock', 'pytest_benchmark', 'pytest_bdd', 'pytest_subtests', 'pytest_cases', 'pytest_lazyfixture',
  'pytest_django', 'pytest_httpx', 'pytest_httpserver', 'pytest_regressions', 'pytest_snapshot', 'pytest_describe', 'pytest_timeout',
  'anyio', 'trio', 'pytest_trio', 'selenium', 'playwright', 'webtest', 'tavern',
  // Numbers and tables, with comparisons of their own: numpy.testing, pandas.testing, torch.testing …
  'numpy', 'pandas', 'scipy', 'sympy', 'torch', 'tensorflow', 'jax', 'polars', 'xarray', 'sklearn', 'mpmath', 'pyarrow',
  'geopandas', 'shapely', 'astropy', 'pint', 'uncertainties', 'gmpy2', 'chex', 'cupy', 'dask', 'numexpr', 'numba', 'statsmodels',
]; // biome-ignore format: a table
