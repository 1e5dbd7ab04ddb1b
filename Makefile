# Every target is documented in README.md as the plain command it runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# What `make vendor` fetches for /docs and /redoc.
SWAGGER_UI := 5.35.0
REDOC := 2.5.4
VENDOR := proxy/web/vendor

.PHONY: install demo run test test-browser screenshots check format bench soak lock vendor clean

install: $(INSTALLED)

$(INSTALLED): requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: install
	$(BIN)/claude-ollama-server demo $(ARGS)

run: install
	$(BIN)/claude-ollama-server serve $(ARGS)

test: install
	$(BIN)/pytest $(ARGS)

test-browser: install
	$(BIN)/pytest -n 0 tests/browser $(ARGS)

screenshots: install
	$(BIN)/python -m tests.browser.screenshots $(ARGS)

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest tests/test_layers.py

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install
	$(BIN)/python -m bench $(ARGS)

soak: install
	$(BIN)/python -m tests.soak $(ARGS)

lock: install
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-strip-extras --no-header --no-annotate --python-version 3.11 --extra cli --extra pictures pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-strip-extras --no-header --no-annotate --python-version 3.11 --extra cli --extra pictures --extra dev pyproject.toml -o requirements-dev.lock

# Redoc shows a logo that lies elsewhere: ours takes its place.
vendor:
	rm -rf build/vendor && mkdir -p build/vendor
	cd build/vendor && npm pack --silent swagger-ui-dist@$(SWAGGER_UI) redoc@$(REDOC)
	mkdir -p $(VENDOR)/swagger-ui $(VENDOR)/redoc
	tar -xzf build/vendor/swagger-ui-dist-$(SWAGGER_UI).tgz -C $(VENDOR)/swagger-ui --strip-components 1 $(addprefix package/,LICENSE NOTICE swagger-ui.css swagger-ui-bundle.js swagger-ui-bundle.js.LICENSE.txt)
	tar -xzf build/vendor/redoc-$(REDOC).tgz -C $(VENDOR)/redoc --strip-components 1 package/LICENSE
	tar -xzf build/vendor/redoc-$(REDOC).tgz -C $(VENDOR)/redoc --strip-components 2 $(addprefix package/bundles/,redoc.standalone.js redoc.standalone.js.LICENSE.txt)
	sed -i 's,https://cdn.redoc.ly/redoc/logo-mini.svg,/static/icon.svg,' $(VENDOR)/redoc/redoc.standalone.js
	rm -rf build/vendor

clean:
	rm -rf $(VENV)
