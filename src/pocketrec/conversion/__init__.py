"""A torch model -> a small .tflite: signatures, conversion, quantization."""
