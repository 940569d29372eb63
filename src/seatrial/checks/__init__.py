"""One pure module for each property: facts and expectations in, a verdict out."""
