"""What the words on the pages mean, in one or two sentences each: the text of every tooltip."""

from __future__ import annotations

_TERMS = {
    # What is made
    "quantization": (
        "Storing and computing a network's numbers with fewer bits. The file gets smaller and, on "
        "hardware with integer instructions, faster; some accuracy may be lost."
    ),
    "variant": "One deployable form of the model: the same network, stored and computed its way.",
    "float32": "The model as trained, in 32-bit numbers: the baseline for every comparison.",
    "ptq": (
        "Post-training quantization: the trained model is converted, without any further training."
    ),
    "qat": (
        "Quantization-aware training: the model is fine-tuned with fake-quant operators in it, so "
        "that its weights learn to live with rounding."
    ),
    "fake_quant": (
        "An operator that rounds a value to the int8 grid and back while training, so that the "
        "network feels the rounding it will meet on the device."
    ),
    "float_control": (
        "A control: the float model, fine-tuned for the same epochs without fake-quant, then "
        "quantized. What it gains comes from training longer, not from quantization-awareness."
    ),
    "untrained_control": (
        "A control: QAT's graph with its calibrated ranges and no training step. What it gains "
        "over PTQ comes from the ranges alone."
    ),
    "tflite": "The file format LiteRT (TensorFlow Lite) runs on phones, boards and in browsers.",
    # Choices
    "representative_dataset": (
        "The photos shown to the float model to find the range of every activation. Also called "
        "calibration photos; they are never used to measure accuracy."
    ),
    "calibration_size": (
        "How many photos set the activation ranges. They are never used to measure accuracy. The "
        "paper used 500."
    ),
    "calibration_method": (
        "How the values seen on the calibration photos become one range: the widest seen "
        "(min-max), the mean of each photo's (moving average), or the range that holds nearly all "
        "values and clips the rest (percentile)."
    ),
    "percentile": "The share of an activation's values its range must hold; the rest is clipped.",
    "epochs": "How many times training sees every training photo.",
    "learning_rate": "How far one training step moves the weights. The paper used 1e-5.",
    "batch_size": "Photos whose errors are averaged into one training step.",
    "loss": (
        "What training makes small: the error against the photos' labels, or the distance to the "
        "float model's own answers (distillation), which needs no labels."
    ),
    "distillation": "Training on the float model's outputs instead of labels.",
    "evaluation_size": (
        "Photos accuracy is measured on. More photos make the interval narrower: 500 give about "
        "±3 points, 2,000 about ±1.5."
    ),
    "training_size": "Photos to fine-tune on; some of them are held out to choose the epoch.",
    "threads": "How many CPU threads one invocation may use while it is timed.",
    "seed": "Fixes every random choice: the same seed gives the same samples and the same result.",
    "image_size": "Side of the square the photo is cropped and scaled to, in pixels.",
    # What is measured
    "top1": "Share of the photos whose most probable class is the right one.",
    "top5": "Share of the photos whose right class is among the five most probable.",
    "interval": (
        "95 % interval (Wilson): were the measurement repeated with other photos, such intervals "
        "would hold the true value 95 times in 100."
    ),
    "n": "How many evaluation photos the number rests on.",
    "mcnemar": (
        "Exact McNemar test on the photos where two variants differ: how often would chance alone "
        "split them at least as unevenly? Under 0.05 is commonly called significant."
    ),
    "p_value": (
        "How probable a difference at least this large would be if the variants were equally good."
    ),
    "flips": "Photos that one of two variants gets right and the other wrong.",
    "agreement": "Share of the photos on which a variant gives the same class as float32.",
    "kl": (
        "Kullback-Leibler divergence: how far the probabilities moved from float32's, in nats, the "
        "unit of information that goes with natural logarithms (1 nat is 1.44 bits). 0 means not "
        "at all."
    ),
    "calibration_error": (
        "Expected calibration error: how far the stated confidence is from the share that is "
        "right, averaged over fifteen levels of confidence."
    ),
    "latency": (
        "Time of one invocation on one photo, already decoded: the median over at least 100 "
        "invocations on this machine's CPU, with nothing else on the cores."
    ),
    "median": "Half of the invocations are faster, half are slower.",
    "p90": "Nine of ten invocations are at least this fast.",
    "p99": "99 of 100 invocations are at least this fast.",
    "cold_start": "Loading the file and answering the first photo.",
    "throughput": "Photos answered in a second, one after the other.",
    "peak_memory": "The most memory the process held while it was timed.",
    "size": "Size of the .tflite file. 1 KiB is 1,024 bytes.",
    "compression": "How many times smaller than the float32 file.",
    "speedup": (
        "How many times as fast as float32 on the same threads: the median over rounds in which "
        "both were timed in turn. * marks a disturbed timing."
    ),
    "rounds": (
        "Rounds in which all files were timed in turn, in changing order. 0: this file and float32 "
        "were timed separately, so what slowed one need not have slowed the other."
    ),
    "disturbed": (
        "Whether other programs used more than a tenth of the processor while this file or float32 "
        "was timed, and still did when it was timed again."
    ),
    "delegated": (
        "Share of the operators that XNNPACK, LiteRT's fast CPU library, executes. What is left "
        "runs on slower built-in kernels."
    ),
    "operators": "Steps of the graph, such as a convolution or an addition.",
    "gate": (
        "A check that must hold before a number can be trusted, such as: the converted file "
        "answers as the Keras model does. A failed gate marks the variant and hides nothing."
    ),
    "holm": (
        "p after Holm's correction. Of twenty tests one shows p below 0.05 by chance alone; the "
        "corrected p allows for how many pairs are tested at once."
    ),
    "paired_interval": (
        "95 % interval of the difference on the same photos (Agresti and Min). Much narrower than "
        "the intervals of the two accuracies, because only the photos that flipped matter."
    ),
    "detectable": (
        "The smallest difference that this many flipped photos could have shown with p below 0.05."
    ),
    "reliability": (
        "Answers sorted by how sure the variant was, and how many of each group are right. On the "
        "diagonal 80 % confidence means 80 % right."
    ),
    "steadiness": (
        "The timed invocations in the order they were taken. A step or a spike comes from the "
        "machine, not from the model."
    ),
    "partitions": "Pieces the fast kernels' share falls into; values cross over between them.",
    "governor": (
        "The system's rule for the processor's clock, such as performance or powersave. Under one "
        "that saves power times are longer and less even. Virtual machines do not tell it."
    ),
    "others_share": "Share of the processor that other programs used while it was timed.",
    "std": "Standard deviation of the timed invocations.",
    "fastest": "The fastest of the timed invocations.",
    "worse_better": (
        "Photos float32 has right and the variant wrong, and the reverse. Ten of each is no loss, "
        "but not the same model either."
    ),
    "other_devices": (
        "Latency depends on the processor and the version of LiteRT. Numbers of one machine say "
        "little about a phone or a board: measure there what will run there."
    ),
    "bundle": (
        "One zip that runs a variant where there is no EffQ: Python with ai-edge-litert, numpy and "
        "Pillow is enough."
    ),
    "pareto": (
        "The variants no other one beats on both axes at once. Anything off this line is worse "
        "than a variant on it."
    ),
    "confusion": "Which class was answered (columns) for photos of each true class (rows).",
    "confidence": "The probability the variant gives to its own answer.",
    "live_latency": (
        "Time of this one answer, decoding not included. A single time varies: the medians on the "
        "Results page are measured with nothing else on the cores."
    ),
    "crop": (
        "The photo turned upright, its shorter side scaled to the model's input and the centre "
        "square cut out, or stretched to a square if the model's card says so: exactly what the "
        "accuracy of the run is measured on."
    ),
    # Inside
    "scale": "The distance between two neighbouring values of the integer grid.",
    "zero_point": "The integer that stands for the value 0.",
    "per_channel": "Every output channel of a kernel has a scale of its own.",
    "per_tensor": "One scale for all values of a tensor.",
    "symmetric": "The grid is centred on zero, so that zero_point is 0.",
    "sqnr": (
        "Signal-to-quantization-noise ratio in decibels: how much stronger the values are than "
        "the rounding error. 6 dB more is one bit more."
    ),
    "clipping": "Values outside the range are moved to its nearest end.",
    "bits": "n bits can tell 2ⁿ values apart: 8 bits 256, 4 bits 16, 2 bits 4.",
    "levels": "The values the grid can represent; every weight is rounded to the nearest one.",
    "channel": "One filter of a layer: all the weights that make one of its outputs.",
    "granularity": (
        "Whether all channels of a kernel share one scale, or each has its own. One shared scale "
        "is set by the widest channel; narrow ones are left with few levels."
    ),
    "typical_photo": "SQNR of the median photo: half of the photos fare better, half worse.",
    "hard_photo": "SQNR that nine in ten photos exceed.",
    "straight_through": (
        "Rounding has no useful slope: it is flat between two steps. Training pretends that it is "
        "not there (gradient × 1), but clipped values get no gradient (× 0)."
    ),
    "activation": "The output of a layer for one photo, as opposed to its weights.",
    "stage": "One step of a run. A finished stage is kept and used again by every run that has it.",
    "cached": "Finished by an earlier run and used again.",
    "artifact": "What a finished stage made. Runs that need the same share it.",
    "unused": (
        "Results of deleted runs, and what interrupted or damaged work has left. Nothing that is "
        "shown anywhere needs it; a new run that wants the same makes it again."
    ),
    "data_roots": (
        "Only folders that whoever started this dashboard has named in EFFQ_DATA_ROOTS, and what "
        "lies in them. Hidden folders and links out of them are left out."
    ),
    "own_photos": (
        "They are unpacked and decoded by a process of their own, so that a broken file costs "
        "nothing but itself. Whoever uses this dashboard can then use them, too."
    ),
    "lookalike": (
        "Photos whose edges, laid over each other, correlate by 0.9 or more: copies that were "
        "recompressed, resized, cropped a little or brightened, and bursts that hardly moved. If "
        "one is trained on and its twin measured on, accuracy looks better than it is."
    ),
    "remove_folder": "The folder and every photo in it stay where they are.",
    "run": "One execution of an experiment.",
    "experiment": "The choice of model, photos, variants and settings; the same always gives the "
    "same result.",
    "own_preprocessing": (
        "What was done to a photo's numbers, 0 to 255, before training: EffQ puts the same into "
        "the exported file. Keras' preprocess_input is “−1 to 1” for MobileNet, Inception and "
        "ResNetV2, “inside” for EfficientNet and MobileNetV3; torchvision's models use ImageNet's "
        "mean and deviation, VGG and ResNet50 of Keras “caffe” mode."
    ),
    "own_resize": (
        "How photos became squares in training. Keras' image_dataset_from_directory stretches "
        "them. torchvision and Keras applications' evaluation crop. The wrong one can cost "
        "several points of accuracy."
    ),
    "head": "The last layer, which turns features into classes.",
    # Layers
    "block": (
        "A few layers that belong together, as the network's authors grouped them. A whole block "
        "is the smallest part worth keeping out of int8: within it values need not change form."
    ),
    "stem": "The first layers: the photo's numbers are normalised and meet the first convolution.",
    "mbconv": (
        "A block that widens its channels (1 × 1), filters each by itself (depthwise) and narrows "
        "them again (1 × 1). Depthwise kernels have channels of very different ranges."
    ),
    "fused_mbconv": (
        "An MBConv whose widening and depthwise convolutions are one full convolution: faster on "
        "large feature maps, and gentler to quantize. EfficientNetV2 has them in its first stages."
    ),
    "squeeze_excite": (
        "Squeeze-and-excite (SE): every channel is averaged over the photo, and from that each "
        "gets a factor from 0 to 1 it is multiplied by. A wrong factor scales a whole channel."
    ),
    "residual": "The block's input is added to its output, so that what it gets wrong stays small.",
    "block_sqnr": (
        "Signal-to-quantization-noise ratio of what the block hands on, in decibels: of all values "
        "together or of the median channel, whichever is lower. It counts all that was lost so far."
    ),
    "cosine": (
        "Whether float32's and int8's values point the same way, whatever their length: 1 is "
        "exactly the same direction, 0 none in common."
    ),
    "clipped_share": (
        "Share of float32's values that lie outside the int8 range and are moved to its end. Too "
        "many: the range is too narrow. None at all: it may be wider than it need be."
    ),
    "range_spread": (
        "Largest weight of a kernel's widest channel over that of its median channel. One step for "
        "all channels would leave the narrow ones few levels; a step each is what int8 files use."
    ),
    "only_int8": (
        "The divergence from float32 when this block alone is in int8 and all others in floats: "
        "what it costs by itself. Measured, not predicted."
    ),
    "kept_out": (
        "The divergence that remains when this block alone stays in floats and all others are in "
        "int8. The lower, the more it helps to keep it. Measured, not predicted."
    ),
    "mnat": "A thousandth of a nat, the unit of KL divergence with natural logarithms.",
    "mixed_precision": (
        "Most blocks in int8, a few in floats: those that lose most. They compute in 32-bit "
        "floats; at their borders values change form, which takes a little time."
    ),
    "keep_precision": (
        "How the kernels of kept blocks are stored; both compute in 32-bit floats. float16 needs "
        "half the extra size. Integers of 16 bits for activations are not offered: XNNPACK, "
        "LiteRT's fast CPU library, takes floats and 8 bits only, and int16 falls to slow kernels."
    ),
    "parting": (
        "The first operator at which the noise of int8 is so strong that the ratio of signal to "
        "noise (SQNR) falls under this many decibels. At 10 dB the noise has a tenth of the "
        "signal's power."
    ),
    "feature_map": "One channel of an operator's output: how strongly each place answers a filter.",
    "int8_grid": (
        "The 256 values int8 can represent here. A wide range makes the steps between them coarse; "
        "a narrow one clips what lies outside."
    ),
    "layer_images": (
        "Photos each measure looks at: evaluation photos for the signal of every tensor, "
        "calibration photos for the effect of every block, so that accuracy stays unseen."
    ),
    "layer_budget": "After this time no further block is tried; what was measured by then stays.",
    "max_drop": (
        "How much top-1 the mixed file may lose against float32; without labels, on what share of "
        "the photos it may give another class."
    ),
    "max_extra_size": "How much larger than int8 the mixed file may be.",
    "max_latency": "How many times as long as int8 it may take, on one thread.",
    # Measuring again
    "files_of": (
        "Evaluates the very files of this run on photos it has not seen: nothing is converted or "
        "trained. The outcome is a result of its own, with its own checks, such as whether a photo "
        "was used to make the files."
    ),
    # Rescues
    "rescue": (
        "Known failures of int8 have known remedies. Each is one ordinary run: the same model, "
        "photos and seed, one setting changed. The one that costs least from nothing comes first, "
        "and what lost least so far is what the next one builds on."
    ),
    "rescue_percentile": (
        "Calibrates again and clips the rarest values of each activation, so that a few outliers "
        "no longer stretch its range. The photos need not be looked at again."
    ),
    "rescue_moving_average": (
        "Calibrates again with the mean of each photo's range instead of the widest of all."
    ),
    "rescue_more_images": (
        "Calibrates with four times as many photos. With min-max it can make things worse: every "
        "further outlier widens a range."
    ),
    "rescue_mixed": (
        "Looks for the fewest blocks that must stay in floats for the limit to hold. The file gets "
        "larger and slower, by as much as those blocks weigh."
    ),
    "rescue_qat": (
        "Fine-tunes with fake-quant operators, so that the weights learn to live with rounding. "
        "It takes longest, and neither size nor latency grow."
    ),
}

TERMS = dict(_TERMS)
"""Every term and its text."""


def tip(term: str) -> str:
    """Looks a term up.

    Args:
        term: Its key, such as ``top1``.

    Returns:
        What it means, for a tooltip.

    Raises:
        KeyError: If the term is not in the glossary.
    """
    return _TERMS[term]
