"""The blocks and layers of a `.tflite` file, and which of them are kept in floats."""
