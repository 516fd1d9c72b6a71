PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test bench lint clean

run: .venv/ready
	$(BIN)/mtl-lab serve $(if $(PORT),--port $(PORT))

test: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2

bench: .venv/ready
	$(BIN)/python -m benchmarks

lint: .venv/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/mypy

.venv/ready: pyproject.toml constraints.txt
	@echo "Making the environment in .venv; the first time takes some minutes."
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	touch .venv/ready

clean:
	rm -rf .venv
