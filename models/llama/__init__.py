"""Language models in llama.cpp: begin at `responder`."""
